import { CString, type Pointer } from "bun:ffi";
import { faultMissingLibrary } from "../../faults/library.ts";
import { bindSymbols, openLibrary } from "../dl.ts";
import {
  FI_BUS_PCI,
  FI_ENODATA,
  fiBusAttr,
  fiDeviceAttr,
  fiDomainAttr,
  fidNic,
  fiFabricAttr,
  fiInfo,
} from "./layout.ts";

const LIBRARY = {
  title: "libfabric",
  names: ["libfabric.so.1", "libfabric.so.2"],
  install: "install the package libfabric (Red Hat, SUSE) or libfabric1 (Debian), version 1.9 or later",
};

/** The API we were written against; a provider that is older than that is not for DAOS. */
const API_VERSION = (1 << 16) | 9;

/** One offer of a libfabric provider, without repetitions for its addresses and modes. */
export interface FabricOffer {
  /** As libfabric names it: "tcp;ofi_rxm", "verbs;ofi_rxm", "cxi". */
  readonly provider: string;
  /** "eth0", "mlx5_0", "cxi0". */
  readonly domain: string;
  /** PCI address of the device, where the provider tells ("0000:3d:00.0"). */
  readonly pciAddress: string | undefined;
  /** Kernel driver, where the provider tells ("mlx5_core"). */
  readonly driver: string | undefined;
}

export interface FabricOffers {
  /** "1.17". */
  readonly version: string;
  /** In libfabric's order, which is its order of preference. */
  readonly offers: readonly FabricOffer[];
}

function text(pointer: number): string {
  return pointer === 0 ? "" : new CString(pointer as Pointer).toString();
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");

/** PCI address and driver out of a struct fid_nic. */
function describeNic(nic: number): Pick<FabricOffer, "pciAddress" | "driver"> {
  if (nic === 0) return { pciAddress: undefined, driver: undefined };
  const { bus_attr, device_attr } = fidNic.at(nic as Pointer);
  const bus = bus_attr === 0 ? undefined : fiBusAttr.at(bus_attr as Pointer);
  const driver = device_attr === 0 ? "" : text(fiDeviceAttr.at(device_attr as Pointer).driver);
  return {
    pciAddress:
      bus?.bus_type === FI_BUS_PCI
        ? `${hex(bus.domain_id, 4)}:${hex(bus.bus_id, 2)}:${hex(bus.device_id, 2)}.${bus.function_id}`
        : undefined,
    driver: driver === "" ? undefined : driver,
  };
}

/**
 * What fi_getinfo offers on this host. Blocks for as long as the providers take to look (some open devices),
 * so this runs in the helper child.
 * @throws Fault "dependency" 1 or 2 when libfabric is missing or unusable.
 */
export function scanLibfabric(): FabricOffers {
  const library = openLibrary(LIBRARY);
  const fabric = bindSymbols([library], {
    fi_version: { args: [], returns: "u32" },
    fi_getinfo: { args: ["u32", "ptr", "ptr", "u64", "ptr", "ptr"], returns: "i32" },
    fi_freeinfo: { args: ["ptr"], returns: "void" },
  });
  const version = fabric.fi_version();
  const head = new BigUint64Array(1);
  const rc = fabric.fi_getinfo(API_VERSION, null, null, 0n, null, head);
  const offers = new Map<string, FabricOffer>();
  if (rc === 0) {
    const first = Number(head[0]);
    for (let at = first; at !== 0; ) {
      const info = fiInfo.at(at as Pointer);
      at = info.next;
      if (info.fabric_attr === 0 || info.domain_attr === 0) continue;
      const provider = text(fiFabricAttr.at(info.fabric_attr as Pointer).prov_name);
      const domain = text(fiDomainAttr.at(info.domain_attr as Pointer).name);
      const key = `${provider} ${domain}`;
      if (!offers.has(key)) offers.set(key, { provider, domain, ...describeNic(info.nic) });
    }
    if (first !== 0) fabric.fi_freeinfo(first as Pointer);
  } else if (rc !== -FI_ENODATA) {
    throw faultMissingLibrary(LIBRARY.title, LIBRARY.install, `fi_getinfo: error ${-rc}`);
  }
  return { version: `${version >>> 16}.${version & 0xffff}`, offers: [...offers.values()] };
}
