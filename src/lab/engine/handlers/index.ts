import type { DrpcHandler } from "../../../drpc/types.ts";
import type { Engine } from "../engine.ts";
import { checkHandlers } from "./check.ts";
import { deviceHandlers } from "./devices.ts";
import { poolHandlers } from "./pool.ts";
import { poolServiceHandlers } from "./pool-service.ts";
import { systemHandlers } from "./system.ts";

/** All methods of module MGMT that daos_engine 2.6.0 answers. */
export function engineHandlers(engine: Engine): Record<number, DrpcHandler> {
  return {
    ...systemHandlers(engine),
    ...poolHandlers(engine),
    ...poolServiceHandlers(engine),
    ...deviceHandlers(engine),
    ...checkHandlers(engine),
  };
}
