import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * The suites that take longest, the longest first. One of them that began last would keep one core busy while the other has
 * nothing left to do.
 */
const LONGEST = [
  "stores/redis/cluster",
  "faults/lost-replies",
  "stores/postgres",
  "stores/mysql",
  "races/http-updates",
  "faults/redis",
  "testing/live-contract",
  "stores/redis",
  "races/http-crash",
  "races/lost-replies",
  "races/http-rotation",
  "stores/redis/sentinel",
  "races/http-logout",
  "faults/redis-topologies",
  "faults/mysql",
  "faults/postgres",
  "frameworks/next/example",
  "runtimes/network",
  "runtimes/stores",
  "frameworks/next/next",
  "frameworks/react-router/example",
  "browser/live",
  "browser/shops",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rest = await super.sort(files);
    return rest.toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const found = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return found === -1 ? LONGEST.length : found;
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // CI has two cores; suites wait for servers and processes of their own, and for deadlines, half of the time.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    sequence: { sequencer: LongestFirst },
  },
});
