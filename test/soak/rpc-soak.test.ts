import { expect, test } from "bun:test";
import { soak } from "./soak.ts";

test("5,000 calls from 50 connections over mutual TLS: no error anywhere, and nothing left behind", async () => {
  const result = await soak({ connections: 50, callsPerConnection: 100, inFlight: 2, timeoutMs: 30_000 });
  expect(result.errors).toEqual([]);
  expect(result.answered).toBe(5000);
  expect(result.during.calls).toBe(5000);
  expect(result.during.connections).toBe(50);
  expect(result.after.files).toBeLessThanOrEqual(result.before.files + 1);
}, 60_000);
