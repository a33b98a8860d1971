/** The longest packet the C side of 2.6 receives (engine and libdaos): UNIXCOMM_MAXMSGSIZE of src/common/drpc.c. */
export const MAX_C_PACKET_BYTES = 1 << 17;

/** The longest packet the Go side of 2.6 sends or receives: MaxMsgSize of src/control/drpc. */
export const MAX_PACKET_BYTES = 1 << 20;

/**
 * What Bun reads at once. A packet of this length or more arrives cut off, without a sign, so it is taken for
 * too long. No peer in the field sends one: everything that calls us over dRPC is bound by the C limit.
 */
export const RECEIVE_BUFFER_BYTES = 1 << 19;
