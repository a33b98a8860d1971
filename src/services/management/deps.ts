import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EngineHarness } from "../../engine/types.ts";
import type { ClientNetHintSchema } from "../../gen/mgmt/svc_pb.ts";
import type { Logger } from "../../log/logger.ts";
import type { Store } from "../../store/store.ts";
import type { Peers } from "./peers.ts";

/** What the configuration says of the first engine; pool sizes are checked against it. */
export interface EngineFacts {
  /** Targets of an engine: pools have minimum sizes per target. */
  readonly targetCount: number;
  /** There is a tier of NVMe (or of files in its place). */
  readonly hasNvme: boolean;
  /** A block device tier holds metadata ("MD on SSD"). */
  readonly hasMetaRole: boolean;
}

/** What the management service is given by the daemon. */
export interface ManagementDeps {
  readonly systemName: string;
  /** The DAOS version this build is compatible with, "2.6.0". */
  readonly version: string;
  /** Control addresses of all replicas, "ip:port", the bootstrap replica first. */
  readonly replicas: readonly string[];
  /** Control address of this server, "ip:port"; a replica when it is one of them. */
  readonly selfAddr: string;
  /** Name of this host, for events. */
  readonly hostname: string;
  readonly harness: EngineHarness;
  readonly log: Logger;
  /** Opens the store in a folder; sqlite.ts for one replica. */
  openStore(dir: string): Promise<Store>;
  /** Calls to other servers; see createPeers. */
  readonly peers: Peers;
  /** Hints for clients, one a fabric provider, the primary one first; at least one. */
  readonly clientNetHints: readonly MessageInitShape<typeof ClientNetHintSchema>[];
  readonly engine: EngineFacts;
  now(): Date;
  /** Addresses of a host name. Default: the system's resolver. */
  resolveHost?(host: string): Promise<readonly string[]>;
}
