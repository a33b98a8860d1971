import type { BdevRole } from "../config/types.ts";

/** NVME_ROLE_… bits of the engine (src/include/daos_srv/control.h). */
export const BdevRoleBit: Readonly<Record<BdevRole, number>> = { data: 1, meta: 2, wal: 4 };

export function roleBits(roles: readonly BdevRole[]): number {
  return roles.reduce((bits, role) => bits | BdevRoleBit[role], 0);
}
