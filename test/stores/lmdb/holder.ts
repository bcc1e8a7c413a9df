// Takes the write lock of a file and holds it, in the middle of a transaction, until its standard input says to let go.
import { readSync } from "node:fs";
import { open } from "lmdb";

const [file = ""] = process.argv.slice(2);
const root = open({ path: file, noSubdir: true, overlappingSync: false });
root.transactionSync(() => {
  process.send?.("held");
  // Not by the event loop: an answer that waits for it would end the transaction. An empty pipe is asked again.
  for (;;) {
    try {
      readSync(0, Buffer.alloc(1));
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
});
await root.close();
process.send?.("released", () => process.disconnect());
