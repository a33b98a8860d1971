import type { HostGroup } from "../../../client/host-results.ts";
import type { ScannedStorage } from "../../../client/storage.ts";
import { formatBytes } from "../../../faults/bytes.ts";
import type { BioHealthResp } from "../../../gen/ctl/smd_pb.ts";
import { banner, indentLines } from "../../../ui/table.ts";
import { printableHosts } from "./common.ts";
import { capacity } from "./storage.ts";
import { localTime } from "./time.ts";

/** Health of every NVMe device of every host. */
export function nvmeHealthText(groups: readonly HostGroup<ScannedStorage>[]): string {
  return groups
    .map(({ value, hosts }) => {
      const head = banner(printableHosts(hosts, groups));
      if (value.controllers.length === 0) return `${head}  No NVMe devices detected\n`;
      const devices = value.controllers.map(
        (controller) =>
          `PCI:${controller.pciAddr} Model:${controller.model} FW:${controller.fwRev} ` +
          `Socket:${controller.socketId} Capacity:${formatBytes(capacity(controller))}\n` +
          `${indentLines(healthText(controller.healthStats))}\n`,
      );
      return head + devices.join("");
    })
    .join("");
}

/** Health statistics of one device, in lines `Name:value`. */
export function healthText(health: BioHealthResp | undefined): string {
  if (!health) return "Health Stats Unavailable\n";
  const sections = [
    section("Health Stats:", statistics(health)),
    section("Critical Warnings:", warnings(health)),
    ...(health.programFailCntNorm > 0
      ? [section("Intel Vendor SMART Attributes:", vendorAttributes(health))]
      : []),
  ];
  return sections.join("");
}

function section(title: string, lines: readonly string[]): string {
  return `${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

function statistics(health: BioHealthResp): string[] {
  const lines: string[] = [];
  const fromEngine = health.timestamp > 0n;
  if (fromEngine) lines.push(`Timestamp:${localTime(health.timestamp)}`);
  const celsius = (health.temperature - 273.15).toFixed(2);
  lines.push(`Temperature:${health.temperature}K(${celsius}C)`);
  if (health.warnTempTime > 0) lines.push(`Temperature Warning Duration:${duration(health.warnTempTime)}`);
  if (health.critTempTime > 0) lines.push(`Temperature Critical Duration:${duration(health.critTempTime)}`);
  lines.push(
    `Controller Busy Time:${duration(health.ctrlBusyTime)}`,
    `Power Cycles:${health.powerCycles}`,
    `Power On Duration:${duration(health.powerOnHours * 60n)}`,
    `Unsafe Shutdowns:${health.unsafeShutdowns}`,
    `Media Errors:${health.mediaErrs}`,
  );
  if (fromEngine) {
    lines.push(
      `Read Errors:${health.bioReadErrs}`,
      `Write Errors:${health.bioWriteErrs}`,
      `Unmap Errors:${health.bioUnmapErrs}`,
      `Checksum Errors:${health.checksumErrs}`,
    );
  }
  lines.push(`Error Log Entries:${health.errLogEntries}`);
  return lines;
}

function warnings(health: BioHealthResp): string[] {
  const state = (raised: boolean) => (raised ? "WARNING" : "OK");
  return [
    `Temperature: ${state(health.tempWarn)}`,
    `Available Spare: ${state(health.availSpareWarn)}`,
    `Device Reliability: ${state(health.devReliabilityWarn)}`,
    `Read Only: ${state(health.readOnlyWarn)}`,
    `Volatile Memory Backup: ${state(health.volatileMemWarn)}`,
  ];
}

function vendorAttributes(health: BioHealthResp): string[] {
  return [
    "Program Fail Count:",
    `   Normalized:${health.programFailCntNorm}%`,
    `   Raw:${health.programFailCntRaw}`,
    "Erase Fail Count:",
    `   Normalized:${health.eraseFailCntNorm}%`,
    `   Raw:${health.eraseFailCntRaw}`,
    "Wear Leveling Count:",
    `   Normalized:${health.wearLevelingCntNorm}%`,
    `   Min:${health.wearLevelingCntMin}`,
    `   Max:${health.wearLevelingCntMax}`,
    `   Avg:${health.wearLevelingCntAvg}`,
    `End-to-End Error Detection Count:${health.endtoendErrCntRaw}`,
    `CRC Error Count:${health.crcErrCntRaw}`,
    `Timed Workload, Media Wear:${health.mediaWearRaw}`,
    `Timed Workload, Host Read/Write Ratio:${health.hostReadsRaw}`,
    `Timed Workload, Timer:${health.workloadTimerRaw}`,
    `Thermal Throttle Status:${health.thermalThrottleStatus}%`,
    `Thermal Throttle Event Count:${health.thermalThrottleEventCnt}`,
    `Retry Buffer Overflow Counter:${health.retryBufferOverflowCnt}`,
    `PLL Lock Loss Count:${health.pllLockLossCnt}`,
    `NAND Bytes Written:${health.nandBytesWritten}`,
    `Host Bytes Written:${health.hostBytesWritten}`,
  ];
}

/** Minutes as Go prints a duration: `26h3m0s`. */
function duration(minutes: bigint | number): string {
  const total = BigInt(minutes);
  if (total === 0n) return "0s";
  const hours = total / 60n;
  return `${hours > 0n ? `${hours}h` : ""}${total % 60n}m0s`;
}
