import { z } from "zod";
import { operationSchemas } from "./ops/requests.ts";

/**
 * One request, one answer, as JSON, between a server and its helper. The helper may run with more rights than
 * who writes to it, so a request can say only what is listed here (see rules.ts for what it may touch).
 */

/** An absolute path in its shortest form: no "..", no "//", no NUL. */
const absolutePath = z
  .string()
  .max(4096)
  .regex(/^\/(?!.*\/\/)[^\0]*$/, "must be an absolute path")
  .refine((text) => !text.split("/").some((part) => part === "." || part === ".."), "must not hold . or ..")
  .refine((text) => text === "/" || !text.endsWith("/"), "must not end in /");

export const requestSchema = z.discriminatedUnion("op", [
  z.strictObject({
    op: z.literal("mount"),
    /** A block device, or any word for tmpfs. */
    source: z
      .string()
      .min(1)
      .max(4096)
      .regex(/^[\w@%+=:,./-]+$/, "must be a plain name or path"),
    target: absolutePath,
    fstype: z.enum(["tmpfs", "ext4"]),
    /** As after `mount -o`: "size=4194304k,huge=always,mpol=prefer:0"; may be empty. */
    options: z
      .string()
      .max(1024)
      .regex(/^[\w=,.:%-]*$/, "must be mount options")
      .default(""),
  }),
  z.strictObject({
    op: z.literal("unmount"),
    target: absolutePath,
    /** Let go although it is in use. */
    lazy: z.boolean().default(false),
  }),
  /** Names of a user, of a group, and of all groups the user is in. */
  z.strictObject({
    op: z.literal("identity"),
    uid: z.int().min(0).max(0xffffffff),
    gid: z.int().min(0).max(0xffffffff),
  }),
  ...operationSchemas,
]);

/** As the helper sees it, defaults filled in. */
export type HelperRequest = z.output<typeof requestSchema>;
/** As a server writes it. */
export type HelperRequestInit = z.input<typeof requestSchema>;

export const answerSchema = z.discriminatedUnion("ok", [
  z.strictObject({
    ok: z.literal(true),
    /** What the operation found out; its shape is checked by who asked (ask.ts). */
    value: z.unknown().optional(),
  }),
  z.strictObject({
    ok: z.literal(false),
    message: z.string(),
    /** Name of the errno, "EBUSY", where there is one. */
    code: z.string().default(""),
    /** The fault itself, where the operation met a known one. */
    fault: z
      .strictObject({
        domain: z.string(),
        code: z.int(),
        description: z.string(),
        resolution: z.string(),
        reason: z.string(),
      })
      .optional(),
  }),
]);

export type HelperAnswer = z.output<typeof answerSchema>;

/** More than this on stdin is no request. */
export const MAX_REQUEST_BYTES = 64 * 1024;
