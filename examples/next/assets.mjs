/** Puts the files that all shops share where Next serves files from. */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const shop = join(import.meta.dirname, "../shop");
const folder = join(import.meta.dirname, "public");
mkdirSync(folder, { recursive: true });
for (const file of ["style.css", "counter.js"]) cpSync(join(shop, file), join(folder, file));
