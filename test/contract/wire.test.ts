import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  ScalarType,
} from "@bufbuild/protobuf";

/** One row of wire-2.6.tsv without its kind and file, joined by "|". */
type Row = string;

const here = import.meta.dir;
const generated = path.join(here, "../../src/gen");

const table = fs
  .readFileSync(path.join(here, "../reference/wire-2.6.tsv"), "utf8")
  .split("\n")
  .slice(1)
  .filter((line) => line !== "")
  .map((line) => {
    const [kind = "", file = "", ...rest] = line.split("\t");
    return { kind, file, row: [0, 1, 2, 3, 4].map((column) => rest[column] ?? "").join("|") };
  });

/** Contracts of ours that are no part of 2.6's. */
const OURS = ["etcd/", "replica/", "token/"];

/** Every generated file, by the name of the .proto it comes from. */
const files = new Map<string, DescFile>();
for (const file of fs.readdirSync(generated, { recursive: true, encoding: "utf8" })) {
  if (!file.endsWith("_pb.ts") || OURS.some((folder) => file.startsWith(folder))) continue;
  const module = (await import(path.join(generated, file))) as Record<string, unknown>;
  const found = Object.entries(module).find(([name]) => name.startsWith("file_"))?.[1] as DescFile;
  files.set(`${found.name}.proto`, found);
}

function* messagesOf(holder: DescFile | DescMessage): Generator<DescMessage> {
  const nested = holder.kind === "file" ? holder.messages : holder.nestedMessages;
  for (const message of nested) {
    yield message;
    yield* messagesOf(message);
  }
}

function* enumsOf(file: DescFile): Generator<DescEnum> {
  yield* file.enums;
  for (const message of messagesOf(file)) yield* message.nestedEnums;
}

/** The word of the .proto language for what a field holds. */
function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return ScalarType[field.scalar].toLowerCase();
    case "enum":
      return field.enum.typeName;
    case "message":
      return field.message.typeName;
    case "map":
      return `${field.parent.typeName}.${entryName(field)}`;
    case "list":
      if (field.listKind === "scalar") return ScalarType[field.scalar].toLowerCase();
      return field.listKind === "enum" ? field.enum.typeName : field.message.typeName;
  }
}

/** protoc's name for the message behind a map: attributes -> AttributesEntry. */
const entryName = (field: DescField) => `${field.name[0]!.toUpperCase()}${field.name.slice(1)}Entry`;

function labelOf(field: DescField): string {
  if (field.fieldKind === "list" || field.fieldKind === "map") return "repeated";
  if (field.oneof !== undefined) return `oneof ${field.oneof.name}`;
  return field.proto.proto3Optional ? "optional" : "";
}

function describeFile(file: DescFile): { kind: string; row: Row }[] {
  const rows: { kind: string; row: Row }[] = [];
  const add = (kind: string, parent: string, number: number | "", name: string, type = "", label = "") =>
    rows.push({ kind, row: [parent, number, name, type, label].join("|") });
  for (const message of messagesOf(file)) {
    add("message", message.typeName, "", "");
    for (const { start, end } of message.proto.reservedRange) {
      for (let number = start; number < end; number++) add("reserved", message.typeName, number, "");
    }
    for (const field of message.fields) {
      add("field", message.typeName, field.number, field.name, typeOf(field), labelOf(field));
      if (field.fieldKind !== "map") continue;
      const value = field.mapKind === "scalar" ? ScalarType[field.scalar].toLowerCase() : typeOf(field);
      const types = `${ScalarType[field.mapKey].toLowerCase()} -> ${value}`;
      add("mapentry", `${message.typeName}.${entryName(field)}`, "", "", types);
    }
  }
  for (const one of enumsOf(file)) {
    for (const value of one.values) add("enum", one.typeName, value.number, value.name);
  }
  for (const service of file.services) {
    for (const method of service.methods) {
      const stream = (streaming: boolean, name: string) => (streaming ? `stream ${name}` : name);
      const input = stream(method.proto.clientStreaming, method.input.typeName);
      const output = stream(method.proto.serverStreaming, method.output.typeName);
      add("rpc", service.typeName, "", method.name, `${input} -> ${output}`);
    }
  }
  return rows;
}

const sorted = (rows: Row[]) => [...rows].sort();

describe("the wire contract of 2.6.0", () => {
  test("has the files of the table, and no other", () => {
    expect([...files.keys()].sort()).toEqual([...new Set(table.map(({ file }) => file))].sort());
  });

  for (const file of new Set(table.map((row) => row.file))) {
    for (const kind of ["message", "reserved", "field", "mapentry", "enum", "rpc"]) {
      const theirs = table.filter((row) => row.file === file && row.kind === kind).map(({ row }) => row);
      test(`${file}: ${theirs.length} ${kind} rows, neither more nor fewer`, () => {
        const ours = describeFile(files.get(file)!).filter((row) => row.kind === kind);
        expect(sorted(ours.map(({ row }) => row))).toEqual(sorted(theirs));
      });
    }
  }

  test("has no kind of row that is not compared", () => {
    const kinds = new Set(table.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(["enum", "field", "mapentry", "message", "reserved", "rpc"]);
  });
});
