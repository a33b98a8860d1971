/** One line of progress a step, on standard output: what it does while it runs, what it did and how long it took. */
export interface Steps {
  /**
   * Runs a step. `work` returns what there is to tell of it.
   * @throws what `work` throws, after the step's line has said that it failed.
   */
  run(title: string, work: () => Promise<string>): Promise<void>;
}

const titleWidth = 24;

export function createSteps(write: (text: string) => void, terminal: boolean): Steps {
  return {
    async run(title, work) {
      const begin = performance.now();
      if (terminal) write(`  … ${title}`);
      const finish = (mark: string, detail: string) => {
        const seconds = ((performance.now() - begin) / 1000).toFixed(2);
        write(
          `${terminal ? "\r\u001b[K" : ""}  ${mark} ${title.padEnd(titleWidth)} ${seconds.padStart(6)} s  ${detail}\n`,
        );
      };
      try {
        finish("✓", await work());
      } catch (error) {
        finish("✗", "failed");
        throw error;
      }
    },
  };
}
