import { defineCommand } from "citty";
import { makeCertificates } from "../../security/certificates.ts";

export const command = defineCommand({
  meta: {
    name: "init",
    description: "Make a CA and the server, agent and admin certificates below a folder",
  },
  args: {
    folder: {
      type: "positional",
      required: true,
      description: "Where the folder daosCA is made; it must not hold one yet",
    },
    days: {
      type: "string",
      description: "How long the certificates are valid",
      valueHint: "days",
      default: "1095",
    },
  },
  async run({ args }) {
    const days = Number(args.days);
    if (!Number.isInteger(days) || days < 1 || days > 36_500) {
      throw new Error(`--days takes a whole number from 1 to 36500, not "${args.days}"`);
    }
    const files = await makeCertificates(args.folder, { days });
    const lines = [
      `CA            ${files.caCert}`,
      `CA key        ${files.caKey}  (keep it off the nodes)`,
      `servers       ${files.cert.server}, ${files.key.server}`,
      `client nodes  ${files.cert.agent}, ${files.key.agent}`,
      `admin nodes   ${files.cert.admin}, ${files.key.admin}`,
      `client_cert_dir of servers  ${files.clientCertDir}`,
    ];
    console.log(lines.join("\n"));
  },
});
