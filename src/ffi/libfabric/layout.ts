import { address, cEnum, struct, u8, u16, u32, u64 } from "../cstruct.ts";

/**
 * Structs of <rdma/fabric.h>, ABI of libfabric 1.0 to 2.x as far as named here: later versions only append.
 * test/ffi/layout.test.ts checks them against the header.
 */
export const fiInfo = struct({
  next: address,
  caps: u64,
  mode: u64,
  addr_format: u32,
  src_addrlen: u64,
  dest_addrlen: u64,
  src_addr: address,
  dest_addr: address,
  handle: address,
  tx_attr: address,
  rx_attr: address,
  ep_attr: address,
  domain_attr: address,
  fabric_attr: address,
  nic: address,
});

export const fiFabricAttr = struct({
  fabric: address,
  name: address,
  prov_name: address,
  prov_version: u32,
  api_version: u32,
});

/** The beginning of struct fi_domain_attr. */
export const fiDomainAttr = struct({ domain: address, name: address });

/** The beginning of struct fid_nic: what describes itself (struct fid), then the attributes. */
export const fidNic = struct({
  fclass: u64,
  context: address,
  ops: address,
  device_attr: address,
  bus_attr: address,
  link_attr: address,
  prov_attr: address,
});

export const fiDeviceAttr = struct({
  name: address,
  device_id: address,
  device_version: address,
  vendor_id: address,
  driver: address,
  firmware: address,
});

export const fiBusAttr = struct({
  bus_type: cEnum,
  domain_id: u16,
  bus_id: u8,
  device_id: u8,
  function_id: u8,
});

/** enum fi_bus_type */
export const FI_BUS_PCI = 1;
/** FI_MSG of enum capability bits. */
export const FI_MSG = 1n << 1n;
export const FI_TAGGED = 1n << 3n;
export const FI_RMA = 1n << 2n;
/** <rdma/fi_errno.h>: no provider offers what was asked for. */
export const FI_ENODATA = 61;
