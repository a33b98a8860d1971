import { Der, DerError } from "./der.ts";

/** Pool properties by the numbers of the wire (DAOS_PROP_PO_* of 2.6.0). */
export const PoolProp = {
  LABEL: 1,
  ACL: 2,
  SPACE_RB: 3,
  SELF_HEAL: 4,
  RECLAIM: 5,
  OWNER: 6,
  OWNER_GROUP: 7,
  SVC_LIST: 8,
  EC_CELL_SZ: 9,
  DATA_THRESH: 10,
  REDUN_FAC: 11,
  EC_PDA: 12,
  RP_PDA: 13,
  GLOBAL_VERSION: 14,
  UPGRADE_STATUS: 15,
  SCRUB_MODE: 16,
  SCRUB_FREQ: 17,
  SCRUB_THRESH: 18,
  SVC_REDUN_FAC: 19,
  OBJ_VERSION: 20,
  PERF_DOMAIN: 21,
  CHECKPOINT_MODE: 22,
  CHECKPOINT_FREQ: 23,
  CHECKPOINT_THRESH: 24,
  REINT_MODE: 25,
  SVC_OPS_ENABLED: 26,
  SVC_OPS_ENTRY_AGE: 27,
} as const;

export type PropertyValue = string | bigint;
/** Property number to value. ACL, owners and the replica list are kept elsewhere in the pool. */
export type Properties = Readonly<Record<number, PropertyValue>>;

/** Pool layout version of 2.6. */
export const poolGlobalVersion = 3;

export const defaultLabel = "pool_label_not_set";

/** Values of a pool nobody asked anything for (json-2.6/pool-get-prop-tank.json). */
export const defaultProperties: Properties = {
  [PoolProp.LABEL]: defaultLabel,
  [PoolProp.SPACE_RB]: 0n,
  // exclude | rebuild
  [PoolProp.SELF_HEAL]: 3n,
  // lazy
  [PoolProp.RECLAIM]: 1n,
  [PoolProp.EC_CELL_SZ]: 65536n,
  [PoolProp.DATA_THRESH]: 4096n,
  [PoolProp.REDUN_FAC]: 0n,
  [PoolProp.EC_PDA]: 1n,
  [PoolProp.RP_PDA]: 0xffff_ffffn,
  [PoolProp.GLOBAL_VERSION]: BigInt(poolGlobalVersion),
  [PoolProp.UPGRADE_STATUS]: 0n,
  [PoolProp.SCRUB_MODE]: 0n,
  [PoolProp.SCRUB_FREQ]: 604800n,
  [PoolProp.SCRUB_THRESH]: 0n,
  [PoolProp.SVC_REDUN_FAC]: 2n,
  [PoolProp.OBJ_VERSION]: 1n,
  // root
  [PoolProp.PERF_DOMAIN]: 255n,
  // timed
  [PoolProp.CHECKPOINT_MODE]: 1n,
  [PoolProp.CHECKPOINT_FREQ]: 5n,
  [PoolProp.CHECKPOINT_THRESH]: 50n,
  [PoolProp.REINT_MODE]: 0n,
  [PoolProp.SVC_OPS_ENABLED]: 1n,
  [PoolProp.SVC_OPS_ENTRY_AGE]: 300n,
};

const labelPattern = /^[a-zA-Z0-9_.:-]{1,127}$/;
const uuidPattern = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

/** A label as DAOS takes it: 1 to 127 of [a-zA-Z0-9_.:-], and not a UUID. */
export function isLabel(text: string): boolean {
  return labelPattern.test(text) && !uuidPattern.test(text) && text !== defaultLabel;
}

type Check = (value: bigint) => boolean;
const between =
  (low: bigint, high: bigint): Check =>
  (value) =>
    value >= low && value <= high;

/** What may be written, and within which bounds. */
const writable: Readonly<Record<number, Check>> = {
  [PoolProp.SPACE_RB]: between(0n, 100n),
  [PoolProp.SELF_HEAL]: between(0n, 7n),
  [PoolProp.RECLAIM]: between(0n, 4n),
  [PoolProp.EC_CELL_SZ]: between(1024n, 1n << 30n),
  [PoolProp.DATA_THRESH]: () => true,
  [PoolProp.REDUN_FAC]: between(0n, 4n),
  [PoolProp.EC_PDA]: between(1n, 0xffff_ffffn),
  [PoolProp.RP_PDA]: between(1n, 0xffff_ffffn),
  [PoolProp.SCRUB_MODE]: between(0n, 2n),
  [PoolProp.SCRUB_FREQ]: () => true,
  [PoolProp.SCRUB_THRESH]: () => true,
  [PoolProp.SVC_REDUN_FAC]: between(0n, 4n),
  [PoolProp.PERF_DOMAIN]: (value) => value === 255n || value === 3n,
  [PoolProp.CHECKPOINT_MODE]: between(0n, 2n),
  [PoolProp.CHECKPOINT_FREQ]: between(1n, 1n << 20n),
  [PoolProp.CHECKPOINT_THRESH]: between(10n, 75n),
  [PoolProp.REINT_MODE]: between(0n, 1n),
  [PoolProp.SVC_OPS_ENABLED]: between(0n, 1n),
  [PoolProp.SVC_OPS_ENTRY_AGE]: between(60n, 600n),
};

/** Written once, with the pool. */
const atCreationOnly: readonly number[] = [
  PoolProp.EC_CELL_SZ,
  PoolProp.REDUN_FAC,
  PoolProp.SVC_REDUN_FAC,
  PoolProp.PERF_DOMAIN,
];

/**
 * Puts values into properties.
 * @throws DerError DER_INVAL for an unknown number, a value out of bounds, or one that only the engine sets;
 *   DER_NO_PERM for one that is fixed when the pool is created
 */
export function setProperties(
  current: Properties,
  changes: readonly { number: number; value: PropertyValue }[],
  creating: boolean,
): Properties {
  const next: Record<number, PropertyValue> = { ...current };
  for (const { number, value } of changes) {
    if (number === PoolProp.LABEL) {
      if (typeof value !== "string") throw new DerError(Der.INVAL, "label is not a string");
      if (value !== "" && !isLabel(value)) throw new DerError(Der.INVAL, `bad label ${value}`);
      next[number] = value === "" ? defaultLabel : value;
      continue;
    }
    const check = writable[number];
    if (check === undefined || typeof value !== "bigint" || !check(value)) {
      throw new DerError(Der.INVAL, `property ${number} cannot be ${value}`);
    }
    if (!creating && atCreationOnly.includes(number) && current[number] !== value) {
      throw new DerError(Der.NO_PERM, `property ${number} is fixed when the pool is created`);
    }
    next[number] = value;
  }
  return next;
}
