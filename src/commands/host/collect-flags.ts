/** Flags of `support collect-log` of every program. */
export const collectFlags = {
  "stop-on-error": { type: "boolean", alias: "s", description: "Stop at the very first error" },
  "target-folder": {
    type: "string",
    alias: "t",
    description: "Folder the logs will be copied to",
    valueHint: "path",
  },
  archive: { type: "boolean", alias: "z", description: "Archive the log/config files" },
  "extra-logs-dir": {
    type: "string",
    alias: "c",
    description: "Collect the logs of this folder too",
    valueHint: "path",
  },
  "start-date": {
    type: "string",
    alias: "D",
    description: "First day of logs: MM-DD-YYYY",
    valueHint: "date",
  },
  "end-date": { type: "string", alias: "F", description: "Last day of logs: MM-DD-YYYY", valueHint: "date" },
  "log-start-time": { type: "string", alias: "S", description: "Start of logs: HH:MM:SS", valueHint: "time" },
  "log-end-time": { type: "string", alias: "E", description: "End of logs: HH:MM:SS", valueHint: "time" },
} as const;
