/** What pages show that are the same for everybody. */
export default defineEventHandler((event) => ({ frame: readFrame(event) }));
