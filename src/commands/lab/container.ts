import { type ArgsDef, defineCommand } from "citty";
import type { OpenPool } from "../../lab/engine/client.ts";
import { dirArgument, layoutOf } from "./arguments.ts";

/**
 * `daosctl lab container …`: what an application does with a pool, done by an emulated client that talks to
 * the lab's agent and emulated engines. There is no data behind it: it is for trying `dmg` and the agent.
 */
const poolArguments = {
  dir: dirArgument,
  socket: { type: "string", description: "Agent's socket (default: the lab's)", valueHint: "path" },
  pool: { type: "positional", description: "Label or UUID of the pool", required: true },
} as const satisfies ArgsDef;

interface PoolArguments {
  readonly dir?: string;
  readonly socket?: string;
  readonly pool: string;
}

async function withPool(args: PoolArguments, work: (pool: OpenPool) => Promise<void>): Promise<void> {
  const { connectPool } = await import("../../lab/engine/client.ts");
  const pool = await connectPool(args.socket || layoutOf(args.dir).agent.socket, args.pool);
  try {
    await work(pool);
  } finally {
    await pool.close();
  }
}

const create = defineCommand({
  meta: { name: "create", description: "Create a container" },
  args: {
    ...poolArguments,
    label: { type: "positional", description: "Label of the new container", required: true },
    bytes: { type: "string", description: "Bytes its data takes (default: 0)", valueHint: "bytes" },
  },
  run: ({ args }) =>
    withPool(args, async (pool) => {
      console.log(`${await pool.createContainer(args.label, BigInt(args.bytes || 0))} ${args.label}`);
    }),
});

const list = defineCommand({
  meta: { name: "list", description: "List the containers of a pool" },
  args: poolArguments,
  run: ({ args }) =>
    withPool(args, async (pool) => {
      for (const { uuid, label, owner, ownerGroup } of await pool.containers()) {
        console.log(`${uuid} ${label} ${owner} ${ownerGroup}`);
      }
    }),
});

const destroy = defineCommand({
  meta: { name: "destroy", description: "Destroy a container" },
  args: {
    ...poolArguments,
    container: { type: "positional", description: "Label or UUID of the container", required: true },
  },
  run: ({ args }) => withPool(args, (pool) => pool.destroyContainer(args.container)),
});

const hold = defineCommand({
  meta: { name: "hold", description: "Connect to a pool and stay connected until Ctrl-C" },
  args: poolArguments,
  run: ({ args }) =>
    withPool(args, async (pool) => {
      console.log(`connected to ${pool.uuid} with handle ${pool.handle}`);
      await new Promise<void>((resolve) => {
        process.once("SIGINT", () => resolve());
        process.once("SIGTERM", () => resolve());
      });
    }),
});

export const command = defineCommand({
  meta: { name: "container", description: "Use a pool as an application does, with an emulated client" },
  subCommands: { create, list, destroy, hold },
});
