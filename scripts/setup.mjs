/** `npm run setup`: everything that the other scripts do by themselves first. */
import { prepare } from "./toolchain.mjs";

prepare();
console.log("Ready.");
