import { mkdir, readdir, readFile, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeFileDurable } from "../../files/durable.ts";

/** Everything an emulated engine keeps is in this folder of its storage path, nothing beside it. */
export const storageFolder = "emulated_engine";

/**
 * Durable JSON documents in one folder. A put that resolved survives kill -9 and power loss: temporary
 * file, fsync, rename, fsync of the folder. Numbers wider than 53 bits are kept as bigint by the codec
 * below. Writes of one name happen in the order they were asked for.
 */
export interface Documents {
  /** undefined when there is none. @throws when it is damaged: it was acknowledged, so it may not vanish. */
  get(name: string): Promise<unknown>;
  put(name: string, value: unknown): Promise<void>;
  remove(name: string): Promise<void>;
  names(): Promise<string[]>;
}

const suffix = ".json";

/** JSON with bigint, as {"$n": "123"}. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) => (typeof v === "bigint" ? { $n: v.toString() } : v));
}

/** The reverse of encodeJson. */
export function decodeJson(text: string): unknown {
  return JSON.parse(text, (_key, v: unknown) => {
    if (typeof v === "object" && v !== null && "$n" in v && typeof v.$n === "string") return BigInt(v.$n);
    return v;
  });
}

/**
 * Opens the folder, made (0700) if need be in one that must be there: storage that is not mounted is an error.
 * Left-over temporary files of an interrupted put are removed.
 */
export async function openDocuments(folder: string): Promise<Documents> {
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  for (const name of await readdir(folder)) {
    if (name.endsWith(".tmp")) await rm(join(folder, name), { force: true });
  }
  const tails = new Map<string, Promise<void>>();

  /** Runs after what was asked for this name before, whether that failed or not. */
  const inOrder = (name: string, work: () => Promise<void>): Promise<void> => {
    const before = tails.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    tails.set(name, mine);
    const forget = () => {
      if (tails.get(name) === mine) tails.delete(name);
    };
    mine.then(forget, forget);
    return mine;
  };

  return {
    async get(name) {
      let text: string;
      try {
        text = await readFile(join(folder, name + suffix), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
      return decodeJson(text);
    },
    put(name, value) {
      const text = encodeJson(value);
      return inOrder(name, () => writeFileDurable(join(folder, name + suffix), text, 0o600));
    },
    remove(name) {
      return inOrder(name, async () => {
        try {
          await unlink(join(folder, name + suffix));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
          throw error;
        }
        await syncFolder(folder);
      });
    },
    async names() {
      return (await readdir(folder))
        .filter((name) => name.endsWith(suffix))
        .map((name) => name.slice(0, -suffix.length))
        .sort();
    },
  };
}
