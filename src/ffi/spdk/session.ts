import { CString, JSCallback, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { readFileSync } from "node:fs";
import os from "node:os";
import { faultSpdk, faultSpdkMemory, faultSpdkNull } from "../../faults/spdk.ts";
import { cString } from "../libc.ts";
import { statusText } from "./decode.ts";
import {
  ALL_NAMESPACES,
  CPL_STATUS_OFFSET,
  ENV_OPTS,
  ENV_OPTS_ROOM_BYTES,
  identifyController,
  pciAddr,
  transportId,
} from "./layout.ts";
import type { SpdkLibrary } from "./library.ts";
import type { MemoryChoice } from "./memory.ts";

/** spdk_log_level: only errors, as 2.6. */
const SPDK_LOG_ERROR = 0;
const DMA_ALIGNMENT = 4096n;
/** A drive that does not answer an admin command or a first write in this time is broken. */
const COMMAND_TIMEOUT_MS = 30_000;

/** A controller that SPDK drives now. */
export interface Controller {
  readonly handle: Pointer;
  readonly address: string;
}

export interface Namespace {
  readonly handle: Pointer;
  readonly id: number;
  readonly sizeBytes: bigint;
  readonly sectorBytes: number;
}

const ERRNO_NAMES = new Map(Object.entries(os.constants.errno).map(([name, number]) => [number, name]));

/** "EINVAL (-22)". */
export function resultText(rc: number): string {
  return `${ERRNO_NAMES.get(-rc) ?? "error"} (${rc})`;
}

function parsePciAddress(text: string) {
  const [domain = "0", bus = "0", rest = "0.0"] = text.split(":");
  const [dev = "0", func = "0"] = rest.split(".");
  const hex = (digits: string) => Number.parseInt(digits, 16);
  return { domain: hex(domain), bus: hex(bus), dev: hex(dev), func: hex(func) };
}

/**
 * SPDK's environment, started. Once a process, and only in one that may hang or crash: a wrong pointer ends
 * it, a probe may never return, and the thread that starts it is pinned to the first core.
 */
export class SpdkSession {
  readonly #call: SpdkLibrary["call"];
  readonly #vmd: SpdkLibrary["vmd"];
  readonly #strings: Uint8Array[] = []; // what SPDK's options point to
  readonly #finished = new Map<number, number>(); // commands that are done, with their status
  #nextCommand = 1;
  #vmdStarted = false;
  // One callback for all commands, never closed: a late completion must find it.
  readonly #completed = new JSCallback(
    (command: number, completion: Pointer) => {
      this.#finished.set(command, (read.u16(completion, CPL_STATUS_OFFSET) >> 1) & 0x7ff);
    },
    { args: ["ptr", "ptr"], returns: "void" },
  );

  /**
   * @param allow controllers to drive, VMD ones by the address of the VMD; empty: all that are free.
   * @throws Fault 803 when the environment or VMD cannot be started.
   */
  constructor(library: SpdkLibrary, memory: MemoryChoice, allow: readonly string[], vmd: boolean) {
    this.#call = library.call;
    this.#vmd = library.vmd;
    this.#call.spdk_log_set_print_level(SPDK_LOG_ERROR);
    const layout = ENV_OPTS[library.release.envOpts];
    const opts = new Uint8Array(ENV_OPTS_ROOM_BYTES);
    if (layout.offsets["opts_size"] !== undefined) {
      // Read by spdk_env_opts_init: how much of the struct is ours.
      new DataView(opts.buffer).setBigUint64(layout.offsets["opts_size"], BigInt(layout.sizeBytes), true);
    }
    this.#call.spdk_env_opts_init(opts);
    layout.encode(opts, {
      name: this.#keep(cString("daos_server_helper")),
      unlink_hugepage: memory.hugePages,
      iova_mode: this.#keep(cString(memory.iovaMode)),
      env_context: this.#keep(cString(memory.dpdkArguments)),
      ...(memory.memoryMib === undefined ? {} : { mem_size: memory.memoryMib }),
    });
    if (allow.length > 0) {
      const list = pciAddr.allocate(allow.length);
      for (const [index, address] of allow.entries()) pciAddr.encode(list, parsePciAddress(address), index);
      layout.encode(opts, { num_pci_addr: allow.length, pci_allowed: this.#keep(list) });
    }
    const rc = this.#call.spdk_env_init(opts);
    if (rc !== 0)
      throw faultSpdk("spdk_env_init", resultText(rc), "run 'daos_server nvme prepare' as root first");
    if (!memory.hugePages) this.#registerHeap();
    if (vmd) this.#startVmd();
  }

  #keep(memory: Uint8Array): number {
    this.#strings.push(memory);
    return ptr(memory);
  }

  #startVmd(): void {
    if (this.#vmd === undefined) throw faultSpdk("spdk_vmd_init", "this SPDK has no VMD support");
    const rc = this.#vmd.spdk_vmd_init();
    if (rc !== 0) throw faultSpdk("spdk_vmd_init", resultText(rc));
    this.#vmdStarted = true;
  }

  /**
   * Without huge pages SPDK knows memory by aligned 2 MiB, to which DPDK's heap is not aligned; SPDK drops the
   * error, and the first probe never returns. Make the aligned part known and use up the unaligned end, from
   * which memory is handed out first.
   */
  #registerHeap(): void {
    const unit = 2 * 1024 * 1024;
    const found = /^([0-9a-f]+)-([0-9a-f]+) .*memfd:nohuge/m.exec(readFileSync("/proc/self/maps", "latin1"));
    if (found === null) throw faultSpdkMemory("DPDK has no heap outside huge pages");
    const from = Math.ceil(Number.parseInt(found[1]!, 16) / unit) * unit;
    const to = Math.floor(Number.parseInt(found[2]!, 16) / unit) * unit;
    if (to <= from) throw faultSpdkMemory("DPDK's heap is smaller than 2 MiB");
    const rc = this.#call.spdk_mem_register(from as Pointer, BigInt(to - from));
    if (rc !== 0) throw faultSpdk("spdk_mem_register", resultText(rc));
    for (let taken = to; taken >= to; ) {
      taken = Number(this.#call.spdk_dma_zmalloc(DMA_ALIGNMENT, DMA_ALIGNMENT, null));
    }
  }

  /**
   * Takes over all controllers that the allow list and their drivers leave, by address. None is no error to
   * SPDK, whatever the reason: compare with what was wanted.
   */
  probe(): Controller[] {
    const found: Controller[] = [];
    const wanted = new JSCallback(() => true, { args: ["ptr", "ptr", "ptr"], returns: "bool" });
    const attached = new JSCallback(
      (_context: Pointer, id: Pointer, handle: Pointer) => {
        found.push({ handle, address: transportId.at(id).traddr.toLowerCase() });
      },
      { args: ["ptr", "ptr", "ptr", "ptr"], returns: "void" },
    );
    const rc = this.#call.spdk_nvme_probe(null, null, wanted.ptr, attached.ptr, null);
    wanted.close();
    attached.close();
    if (rc !== 0) throw faultSpdk("spdk_nvme_probe", resultText(rc));
    return found.sort((left, right) => (left.address < right.address ? -1 : 1));
  }

  /** Identify data of a controller: a copy. */
  identify({ handle, address }: Controller): Uint8Array {
    const data = this.#call.spdk_nvme_ctrlr_get_data(handle);
    if (data === null) throw faultSpdkNull(`spdk_nvme_ctrlr_get_data (${address})`);
    return new Uint8Array(toArrayBuffer(Number(data) as Pointer, 0, identifyController.sizeBytes)).slice();
  }

  /** NUMA node and kind of the PCI device ("nvme", "vmd" for one behind VMD). */
  device({ handle }: Controller): { socketId: number; type: string } {
    const device = this.#pciDevice(handle);
    const type = this.#call.spdk_pci_device_get_type(device);
    return {
      socketId: this.#call.spdk_pci_device_get_socket_id(device),
      type: type === null ? "" : new CString(Number(type) as Pointer).toString(),
    };
  }

  #pciDevice(handle: Pointer): Pointer {
    const device = this.#call.spdk_nvme_ctrlr_get_pci_device(handle);
    if (device === null) throw faultSpdkNull("spdk_nvme_ctrlr_get_pci_device");
    return Number(device) as Pointer;
  }

  /** Active namespaces by number. */
  namespaces({ handle: controller }: Controller): Namespace[] {
    const found: Namespace[] = [];
    let id = this.#call.spdk_nvme_ctrlr_get_first_active_ns(controller);
    while (id !== 0) {
      const handle = this.#call.spdk_nvme_ctrlr_get_ns(controller, id);
      if (handle !== null) {
        const namespace = Number(handle) as Pointer;
        found.push({
          handle: namespace,
          id,
          sizeBytes: BigInt(this.#call.spdk_nvme_ns_get_size(namespace)),
          sectorBytes: this.#call.spdk_nvme_ns_get_sector_size(namespace),
        });
      }
      id = this.#call.spdk_nvme_ctrlr_get_next_active_ns(controller, id);
    }
    return found;
  }

  supportsLogPage({ handle }: Controller, page: number): boolean {
    return this.#call.spdk_nvme_ctrlr_is_log_page_supported(handle, page);
  }

  /** A log page of the whole controller. */
  logPage({ handle, address }: Controller, page: number, lengthBytes: number): Uint8Array {
    return this.#withMemory(lengthBytes, (memory, bytes) => {
      this.#run(
        `log page ${page} of ${address}`,
        (done, command) =>
          this.#call.spdk_nvme_ctrlr_cmd_get_log_page(
            handle,
            page,
            ALL_NAMESPACES,
            memory,
            lengthBytes,
            0n,
            done,
            command,
          ),
        () => this.#call.spdk_nvme_ctrlr_process_admin_completions(handle),
      );
      return bytes.slice();
    });
  }

  /** Overwrites the first bytes of a namespace with zeroes and reads them back. */
  wipeStart({ handle: controller, address }: Controller, namespace: Namespace, lengthBytes: number): void {
    const sectors = Math.max(1, Math.floor(lengthBytes / namespace.sectorBytes));
    const size = sectors * namespace.sectorBytes;
    const qpair = this.#call.spdk_nvme_ctrlr_alloc_io_qpair(controller, null, 0n);
    if (qpair === null) throw faultSpdkNull(`spdk_nvme_ctrlr_alloc_io_qpair (${address})`);
    const queue = Number(qpair) as Pointer;
    const poll = () => this.#call.spdk_nvme_qpair_process_completions(queue, 0);
    const ns = namespace.handle;
    try {
      this.#withMemory(size, (memory, bytes) => {
        this.#run(
          `write to namespace ${namespace.id} of ${address}`,
          (done, command) =>
            this.#call.spdk_nvme_ns_cmd_write(ns, queue, memory, 0n, sectors, done, command, 0),
          poll,
        );
        bytes.fill(0xff);
        this.#run(
          `read of namespace ${namespace.id} of ${address}`,
          (done, command) =>
            this.#call.spdk_nvme_ns_cmd_read(ns, queue, memory, 0n, sectors, done, command, 0),
          poll,
        );
        if (bytes.some((byte) => byte !== 0)) {
          throw faultSpdk(
            `write to namespace ${namespace.id} of ${address}`,
            "what was written did not stay",
          );
        }
      });
    } finally {
      this.#call.spdk_nvme_ctrlr_free_io_qpair(queue);
    }
  }

  /**
   * Loads a firmware image into a slot and activates it at the next reset.
   * @returns what is still needed for it to take effect; "" for nothing.
   */
  updateFirmware({ handle, address }: Controller, image: Uint8Array, slot: number): string {
    return this.#withMemory(image.length, (memory, bytes) => {
      bytes.set(image);
      const status = new Uint8Array(2);
      const replaceAndEnable = 1; // SPDK_NVME_FW_COMMIT_REPLACE_AND_ENABLE_IMG
      const rc = this.#call.spdk_nvme_ctrlr_update_firmware(
        handle,
        memory,
        image.length,
        slot,
        replaceAndEnable,
        status,
      );
      if (rc === 0) return "";
      const bits = status[0]! | (status[1]! << 8);
      const type = (bits >> 9) & 0x7;
      const code = (bits >> 1) & 0xff;
      const needsReset = NEEDS_RESET[code];
      if (rc === -os.constants.errno.ENXIO && type === 1 && needsReset !== undefined) return needsReset;
      const reason = bits === 0 ? resultText(rc) : `${resultText(rc)}, ${statusText(type, code)}`;
      throw faultSpdk(`spdk_nvme_ctrlr_update_firmware (${address})`, reason);
    });
  }

  /** State of the locate LED of a drive behind VMD; set first when a state is given. */
  led({ handle, address }: Controller, state?: LedState): LedState {
    if (this.#vmd === undefined || !this.#vmdStarted) {
      throw faultSpdk("spdk_vmd_get_led_state", `${address}: LEDs are driven through VMD only`);
    }
    const device = this.#pciDevice(handle);
    if (state !== undefined) {
      const rc = this.#vmd.spdk_vmd_set_led_state(device, LED_STATES.indexOf(state));
      if (rc !== 0) throw faultSpdk(`spdk_vmd_set_led_state (${address})`, resultText(rc));
    }
    const found = new Uint32Array(1);
    const rc = this.#vmd.spdk_vmd_get_led_state(device, found);
    if (rc !== 0) throw faultSpdk(`spdk_vmd_get_led_state (${address})`, resultText(rc));
    return LED_STATES[found[0]!] ?? "unknown";
  }

  /** Lets go of controllers, of all at once as each takes its time, then ends the environment. */
  end(controllers: readonly Controller[]): void {
    const context = new BigUint64Array(1); // struct spdk_nvme_detach_ctx *, made by the first call
    for (const { handle, address } of controllers) {
      const rc = this.#call.spdk_nvme_detach_async(handle, context);
      if (rc !== 0) throw faultSpdk(`spdk_nvme_detach_async (${address})`, resultText(rc));
    }
    if (context[0] !== 0n) this.#call.spdk_nvme_detach_poll(Number(context[0]) as Pointer);
    if (this.#vmdStarted) this.#vmd?.spdk_vmd_fini();
    this.#call.spdk_env_fini();
  }

  #withMemory<T>(lengthBytes: number, use: (memory: Pointer, bytes: Uint8Array) => T): T {
    const memory = this.#call.spdk_dma_zmalloc(BigInt(lengthBytes), DMA_ALIGNMENT, null);
    if (memory === null) throw faultSpdkMemory(`no DMA memory (${lengthBytes} bytes)`);
    const pointer = Number(memory) as Pointer;
    const result = use(pointer, new Uint8Array(toArrayBuffer(pointer, 0, lengthBytes)));
    // Not after an error: the drive may still write to it.
    this.#call.spdk_dma_free(pointer);
    return result;
  }

  /** Submits a command and polls until it is done. */
  #run(what: string, submit: (done: Pointer | null, command: Pointer) => number, poll: () => number): void {
    const command = this.#nextCommand++;
    const deadline = performance.now() + COMMAND_TIMEOUT_MS;
    const rc = submit(this.#completed.ptr, command as Pointer);
    if (rc !== 0) throw faultSpdk(what, resultText(rc));
    while (!this.#finished.has(command)) {
      const polled = poll();
      if (polled < 0) throw faultSpdk(what, `polling: ${resultText(polled)}`);
      if (performance.now() > deadline) throw faultSpdk(what, `no answer in ${COMMAND_TIMEOUT_MS} ms`);
    }
    const status = this.#finished.get(command)!;
    this.#finished.delete(command);
    if (status !== 0) throw faultSpdk(what, statusText(status >> 8, status & 0xff));
  }
}

/** enum spdk_vmd_led_state. */
const LED_STATES = ["off", "identify", "fault", "rebuild", "unknown"] as const;
export type LedState = (typeof LED_STATES)[number];

/** Command-specific status of a firmware commit that has worked. */
const NEEDS_RESET: Readonly<Record<number, string>> = {
  11: "conventional reset",
  16: "NVM subsystem reset",
  17: "controller reset",
};
