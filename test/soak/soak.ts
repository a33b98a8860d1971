import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { testAuthority } from "../security/authority.ts";
import { waitFor } from "../support/wait.ts";

export interface SoakOptions {
  readonly connections: number;
  readonly callsPerConnection: number;
  /** Calls at once on each connection. */
  readonly inFlight: number;
  readonly timeoutMs: number;
}

export interface SoakFigures {
  readonly calls: number;
  readonly connections: number;
  readonly files: number;
  readonly rssMiB: number;
  readonly cpuMs: number;
}

export interface SoakResult {
  readonly answered: number;
  /** Every error of the client and every error line of the server, word for word. */
  readonly errors: readonly string[];
  readonly seconds: number;
  readonly before: SoakFigures;
  readonly during: SoakFigures;
  readonly after: SoakFigures;
}

/**
 * Calls over mutual TLS from many connections against a server in a process of its own. Each answer is checked to be
 * that of its call.
 */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const ca = await testAuthority();
  const [serverCert, admin] = [await ca.transport("server"), await ca.transport("admin")];
  const errors: string[] = [];
  const server = Bun.spawn([process.execPath, "run", join(import.meta.dirname, "rpc-server.ts")], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const waiting: ((figures: SoakFigures) => void)[] = [];
  const port = new Promise<number>((resolve) => {
    const lines = createInterface({ input: Readable.fromWeb(server.stdout as never) });
    lines.on("line", (line) => {
      const [kind, rest] = [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)];
      if (kind === "port") resolve(Number(rest));
      else if (kind === "figures") waiting.shift()?.(JSON.parse(rest));
      else errors.push(`server: ${rest}`);
    });
  });
  const figures = (): Promise<SoakFigures> => {
    const answer = new Promise<SoakFigures>((resolve) => waiting.push(resolve));
    server.stdin.write("figures\n");
    server.stdin.flush();
    return answer;
  };
  try {
    server.stdin.write(`${JSON.stringify(serverCert)}\n`);
    server.stdin.flush();
    const at = `127.0.0.1:${await port}`;
    const before = await figures();
    let answered = 0;
    const startMs = performance.now();

    const one = async (connection: number, call: number, security: typeof admin): Promise<void> => {
      const mark = `${connection}/${call}`;
      try {
        const answer = await callUnary(
          MgmtSvc.method.leaderQuery,
          at,
          { sys: "daos_server", hosts: mark },
          { security, timeoutMs: options.timeoutMs, component: "admin" },
        );
        if (answer.currentLeader === mark) answered++;
        else errors.push(`call ${mark} got the answer of ${answer.currentLeader}`);
      } catch (error) {
        errors.push(`call ${mark}: ${String(error)}`);
      }
    };
    const connection = async (number: number): Promise<void> => {
      // Connections are shared by credentials: a copy of them is a connection of its own.
      const security = { ...admin };
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < options.callsPerConnection) await one(number, next++, security);
      };
      await Promise.all(Array.from({ length: options.inFlight }, worker));
    };
    await Promise.all(Array.from({ length: options.connections }, (_, number) => connection(number)));

    const seconds = (performance.now() - startMs) / 1000;
    const during = await figures();
    closeConnections();
    const after = await waitFor("the connections to end", async () => {
      const now = await figures();
      return now.connections === 0 ? now : undefined;
    });
    return { answered, errors, seconds, before, during, after };
  } finally {
    closeConnections();
    server.stdin.end();
    server.kill();
    await server.exited;
  }
}
