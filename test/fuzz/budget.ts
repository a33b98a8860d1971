import fc from "fast-check";

/** Cases in all properties together: `npm run test:fuzz` sets a million; by default each property gets its time. */
/* Two of the 21 properties are capped, being calls over sockets and signatures; the other 19 share the cases. */
const cases = Number(process.env["FUZZ_CASES"] ?? 0);
const properties = 19;
/** Half a second a property by default: some ten seconds for all. */
const defaultMs = 500;

/** Cases that ran, by property; the last test of the file prints them. */
export const ran = new Map<string, number>();

/**
 * How long a property is tried: its share of the cases, or its time. A case that takes longer than a second is a hang;
 * one that throws what it may not is a failure, told with the seed that makes it come again.
 */
export function budget(name: string): fc.Parameters<unknown> & { readonly count: () => void } {
  const seed = process.env["FUZZ_SEED"];
  return {
    numRuns: cases > 0 ? Math.ceil(cases / properties) : 1_000_000,
    ...(cases > 0 ? {} : { interruptAfterTimeLimit: defaultMs, markInterruptAsFailure: false }),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    count: () => void ran.set(name, (ran.get(name) ?? 0) + 1),
  };
}

/** What a parser promised and did not keep: never to be taken for its refusal of an input. */
export class BrokenPromise extends Error {}

export function promise(kept: boolean, what: string): void {
  if (!kept) throw new BrokenPromise(what);
}

/** For one case, on a machine that others use too: longer is a hang. */
const maxCaseMs = 3000;

export function quickly<T>(work: () => T): T {
  const start = performance.now();
  const result = work();
  const took = performance.now() - start;
  if (took > maxCaseMs) throw new BrokenPromise(`one case took ${took.toFixed(0)} ms`);
  return result;
}

/** Bytes that are mostly noise, and at times what a valid message becomes when a few bytes of it are changed. */
export function mutated(valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    base: fc.constantFrom(...valid),
    edits: fc.array(
      fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), kind: fc.nat({ max: 3 }) }),
      {
        maxLength: 8,
      },
    ),
  });
  const edited = change.map(({ base, edits }) => {
    let bytes = Buffer.from(base);
    for (const { at, byte, kind } of edits) {
      const place = bytes.length === 0 ? 0 : at % bytes.length;
      if (kind === 0 && bytes.length > 0) bytes[place] = byte;
      else if (kind === 1)
        bytes = Buffer.concat([bytes.subarray(0, place), Buffer.from([byte]), bytes.subarray(place)]);
      else if (kind === 2) bytes = bytes.subarray(0, place);
      else bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1)]);
    }
    return new Uint8Array(bytes);
  });
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    { weight: 3, arbitrary: edited },
  );
}

/** Text with the characters that parsers care about, and text that was valid before it was changed. */
export function mutatedText(valid: readonly string[], alphabet: string): fc.Arbitrary<string> {
  const noise = fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 60 });
  const change = fc
    .record({ base: fc.constantFrom(...valid), at: fc.nat(), insert: noise, cut: fc.nat({ max: 6 }) })
    .map(({ base, at, insert, cut }) => {
      const place = at % (base.length + 1);
      return base.slice(0, place) + insert + base.slice(place + cut);
    });
  return fc.oneof(noise, change, fc.string({ unit: "binary", maxLength: 60 }));
}

/**
 * Runs a parser on one input. It may take it, or refuse it with an Error that has words, and do nothing else.
 * @throws BrokenPromise, or what JavaScript throws at a mistake of ours
 */
export function tryCase<T>(parse: (value: T) => unknown, value: T): void {
  quickly(() => {
    try {
      parse(value);
    } catch (error) {
      if (!(error instanceof Error) || error instanceof BrokenPromise || isMistake(error)) throw error;
      promise(error.message !== "", "it refused without a word");
    }
  });
}

function isMistake(error: Error): boolean {
  if (error instanceof ReferenceError || (error instanceof RangeError && /call stack/.test(error.message)))
    return true;
  return (
    error instanceof TypeError && /undefined|null|not a function|not an object|iterable/.test(error.message)
  );
}
