import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import type { Asked, Launch, Told } from "../compare/words.ts";

/** Starts so many processes that share a port, and answers for all of them. */
export async function startSeveral(
  launch: Launch,
  processes: number,
  tell: (told: Told) => void,
): Promise<void> {
  const single = JSON.stringify({ ...launch, processes: 1 });
  cluster.setupPrimary({ args: [single] });
  cluster.on("exit", () => process.exit(1));
  const workers: Worker[] = [];
  let port = 0;
  // Port 0 is the same one for all of them. One after another: the first may have tables to make.
  for (let made = 0; made < processes; made += 1) {
    const worker = cluster.fork();
    const [ready] = (await once(worker, "message")) as [Told];
    if (ready.kind === "ready") ({ port } = ready);
    workers.push(worker);
  }
  process.on("message", (asked: Asked) => void answer(asked));
  tell({ kind: "ready", port });

  async function answer(asked: Asked): Promise<void> {
    const told = await Promise.all(
      workers.map(async (worker) => {
        worker.send(asked);
        const [answered] = (await once(worker, "message")) as [Told];
        return answered;
      }),
    );
    const microseconds = told.reduce((sum, one) => sum + (one.kind === "usage" ? one.microseconds : 0), 0);
    tell(asked.kind === "usage" ? { kind: "usage", microseconds } : { kind: "done" });
  }
}
