import { readFile } from "node:fs/promises";

/** The user and group of this process as ACL principals, "name@". @throws Error for ids without a name */
export async function currentPrincipals(): Promise<{ user: string; group: string }> {
  const [user, group] = await Promise.all([
    nameOf("passwd", process.geteuid!()),
    nameOf("group", process.getegid!()),
  ]);
  return { user: `${user}@`, group: `${group}@` };
}

/**
 * By the file of that name in /etc, and by the host's name services for ids that are not in it. Not from
 * the environment: who owns a pool is no matter of $USER.
 */
async function nameOf(database: "passwd" | "group", id: number): Promise<string> {
  const local = await readFile(`/etc/${database}`, "utf8").catch(() => "");
  const name = lookUp(local, id) ?? lookUp(await askNameServices(database, id), id);
  if (name === undefined) {
    throw new Error(database === "group" ? `group: unknown groupid ${id}` : `user: unknown userid ${id}`);
  }
  return name;
}

/** In both databases the name is the first field and the id the third. */
function lookUp(text: string, id: number): string | undefined {
  for (const line of text.split("\n")) {
    const fields = line.split(":");
    if (fields.length >= 3 && fields[2] === `${id}`) return fields[0];
  }
  return undefined;
}

async function askNameServices(database: string, id: number): Promise<string> {
  try {
    const getent = Bun.spawn(["getent", database, `${id}`], {
      stdout: "pipe",
      stderr: "ignore",
      timeout: 10_000,
    });
    return await new Response(getent.stdout).text();
  } catch {
    // No getent on this host: then there is nothing more to ask.
    return "";
  }
}
