/** The system's logger, for the commands that start daemons; its socket is the business of drpc/. */
export { createSyslog } from "../drpc/syslog.ts";
