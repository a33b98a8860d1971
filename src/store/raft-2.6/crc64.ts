/** CRC-64/ECMA in its reflected form (polynomial 0x42f0e1eba9ea3693), as Go's hash/crc64 computes it. */
export function crc64(bytes: Uint8Array): Buffer {
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (const byte of bytes) {
    const at = ((low ^ byte) & 0xff) * 2;
    low = (((low >>> 8) | (high << 24)) ^ table[at + 1]!) >>> 0;
    high = ((high >>> 8) ^ table[at]!) >>> 0;
  }
  const sum = Buffer.alloc(8);
  sum.writeUInt32BE(~high >>> 0, 0);
  sum.writeUInt32BE(~low >>> 0, 4);
  return sum;
}

/** Pairs of halves: high, low. */
const table = makeTable();

function makeTable(): Uint32Array {
  const polynomial = 0xc96c5795d7870f42n;
  const pairs = new Uint32Array(512);
  for (let byte = 0; byte < 256; byte++) {
    let value = BigInt(byte);
    for (let bit = 0; bit < 8; bit++) value = (value & 1n) === 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    pairs[byte * 2] = Number(value >> 32n);
    pairs[byte * 2 + 1] = Number(value & 0xffffffffn);
  }
  return pairs;
}
