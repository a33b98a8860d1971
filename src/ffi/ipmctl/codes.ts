/** enum return_code of <NvmSharedDefs.h>, as far as an administrator meets them; others go by number. */
const TEXTS: Readonly<Record<number, string>> = {
  2: "operation not started",
  3: "operation failed",
  4: "needs force",
  5: "invalid parameter",
  9: "not supported by this SKU",
  11: "PMem module not found",
  13: "socket ID not valid",
  16: "configuration not supported by this SKU",
  17: "no manageable PMem module found",
  18: "no usable PMem modules (unmanageable, non-functional or wrongly populated)",
  36: "creating a goal is not allowed",
  37: "invalid security state",
  59: "image not compatible with this PMem module",
  62: "image file not valid",
  63: "image is of a lower version",
  66: "firmware version not valid",
  67: "firmware version too low, needs force",
  68: "firmware already loaded",
  69: "firmware failed to stage",
  87: "media not accessible",
  90: "media disabled",
  92: "invalid platform configuration data",
  105: "bad platform configuration",
  106: "the goal affects modules that were not named",
  107: "the current configuration affects modules that were not named",
  110: "unsupported configuration",
  111: "region not found",
  112: "platform does not support management software",
  114: "platform does not support persistent memory",
  115: "a configuration exists already",
  119: "region not healthy",
  122: "no goal exists",
  124: "namespaces exist",
  267: "unknown error",
};

export const NVM_SUCCESS = 0;
/** Done; a power cycle makes it take effect. */
export const NVM_SUCCESS_REQUIRES_POWER_CYCLE = 76;
export const NVM_SUCCESS_FW_RESET_REQUIRED = 1;
/** Deleting goals where there is none. */
export const NVM_ERR_NO_GOAL = 122;
/** Also what calls about regions answer on a machine that has no PMem: tells nothing by itself. */
export const NVM_ERR_UNKNOWN = 267;

export function nvmErrorText(code: number): string {
  const text = TEXTS[code];
  return text === undefined ? `error ${code}` : `${text} (${code})`;
}

export function nvmSucceeded(code: number): boolean {
  return (
    code === NVM_SUCCESS ||
    code === NVM_SUCCESS_REQUIRES_POWER_CYCLE ||
    code === NVM_SUCCESS_FW_RESET_REQUIRED
  );
}
