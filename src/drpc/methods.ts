/** Numbers of the dRPC modules and methods: the `drpc …` rows of test/reference/codes-2.6.tsv. */

export const DrpcModule = {
  TEST: 0,
  /** libdaos -> agent: credentials. */
  SEC_AGENT: 1,
  /** server -> engine, and libdaos -> agent. */
  MGMT: 2,
  /** engine -> server: readiness, events, pool look-ups, checker. */
  SRV: 3,
  /** engine -> server: validation of credentials. */
  SEC: 4,
} as const;

export const SecAgentMethod = { REQUEST_CREDS: 101 } as const;

export const MgmtMethod = {
  KILL_RANK: 201,
  SET_RANK: 202,
  GET_ATTACH_INFO: 206,
  POOL_CREATE: 207,
  POOL_DESTROY: 208,
  SET_UP: 209,
  BIO_HEALTH_QUERY: 210,
  SMD_LIST_DEVS: 211,
  SMD_LIST_POOLS: 212,
  POOL_GET_ACL: 213,
  POOL_OVERWRITE_ACL: 215,
  POOL_UPDATE_ACL: 216,
  POOL_DELETE_ACL: 217,
  PREP_SHUTDOWN: 218,
  DEV_SET_FAULTY: 220,
  DEV_REPLACE: 221,
  LIST_CONTAINERS: 222,
  POOL_QUERY: 223,
  POOL_SET_PROP: 224,
  PING_RANK: 225,
  REINTEGRATE: 226,
  CONT_SET_OWNER: 227,
  EXCLUDE: 228,
  EXTEND: 229,
  POOL_EVICT: 230,
  DRAIN: 231,
  GROUP_UPDATE: 232,
  NOTIFY_EXIT: 233,
  NOTIFY_POOL_CONNECT: 235,
  NOTIFY_POOL_DISCONNECT: 236,
  POOL_GET_PROP: 237,
  SET_LOG_MASKS: 238,
  POOL_UPGRADE: 239,
  POOL_QUERY_TARGETS: 240,
  LED_MANAGE: 241,
  CHK_START: 242,
  CHK_STOP: 243,
  CHK_QUERY: 244,
  CHK_PROP: 245,
  CHK_ACT: 246,
  SETUP_CLIENT_TELEM: 247,
} as const;

export const SrvMethod = {
  NOTIFY_READY: 301,
  GET_POOL_SVC: 303,
  CLUSTER_EVENT: 304,
  POOL_FIND_BYLABEL: 305,
  CHK_LIST_POOL: 306,
  CHK_REG_POOL: 307,
  CHK_DEREG_POOL: 308,
  CHK_REPORT: 309,
} as const;

export const SecMethod = { VALIDATE_CREDS: 401 } as const;

const moduleMethods: Readonly<Record<number, Readonly<Record<string, number>>>> = {
  [DrpcModule.SEC_AGENT]: SecAgentMethod,
  [DrpcModule.MGMT]: MgmtMethod,
  [DrpcModule.SRV]: SrvMethod,
  [DrpcModule.SEC]: SecMethod,
};

/** "MGMT:SET_RANK", for logs and errors; numbers where there is no name. */
export function drpcMethodName(module: number, method: number): string {
  return `${nameOf(DrpcModule, module)}:${nameOf(moduleMethods[module] ?? {}, method)}`;
}

function nameOf(table: Readonly<Record<string, number>>, number: number): string {
  return Object.keys(table).find((name) => table[name] === number) ?? String(number);
}
