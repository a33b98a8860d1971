import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";

/** The user and group of this process as ACL principals, "name@". @throws Error when the group has no name */
export async function currentPrincipals(): Promise<{ user: string; group: string }> {
  const { username, gid } = userInfo();
  return { user: `${username}@`, group: `${await groupName(gid)}@` };
}

/** By /etc/group, and by the host's name services for groups that are not in it. */
async function groupName(gid: number): Promise<string> {
  const local = await readFile("/etc/group", "utf8").catch(() => "");
  const name = groupOf(local, gid) ?? groupOf(await askNameServices(gid), gid);
  if (name === undefined) throw new Error(`group: unknown groupid ${gid}`);
  return name;
}

function groupOf(database: string, gid: number): string | undefined {
  for (const line of database.split("\n")) {
    const fields = line.split(":");
    if (fields.length >= 3 && fields[2] === `${gid}`) return fields[0];
  }
  return undefined;
}

async function askNameServices(gid: number): Promise<string> {
  try {
    const getent = Bun.spawn(["getent", "group", `${gid}`], {
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
