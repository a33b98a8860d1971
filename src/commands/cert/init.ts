import { defineCommand } from "citty";
import { makeCertificates } from "../../security/certificates.ts";
import { answer, daysFlag, daysOf, jsonFlag } from "./options.ts";

export const command = defineCommand({
  meta: {
    name: "init",
    description: "Make a CA and the server, agent and admin certificates below a folder",
  },
  args: {
    ...jsonFlag,
    folder: {
      type: "positional",
      required: true,
      description: "Where the folder daosCA is made; it must not hold one yet",
    },
    ...daysFlag,
  },
  async run({ args }) {
    const files = await makeCertificates(args.folder, { days: daysOf(args.days) });
    const { caCert, caKey, cert, key, clientCertDir } = files;
    answer(args, { caCert, caKey, cert, key, clientCertDir }, [
      `CA            ${caCert}`,
      `CA key        ${caKey}  (keep it off the nodes)`,
      `servers       ${cert.server}, ${key.server}`,
      `client nodes  ${cert.agent}, ${key.agent}`,
      `admin nodes   ${cert.admin}, ${key.admin}`,
      `client_cert_dir of servers  ${clientCertDir}`,
    ]);
  },
});
