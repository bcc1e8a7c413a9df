/** A cached answer that is made of another one. */
export default defineCachedEventHandler(async (event) => await event.$fetch("/api/show"), { maxAge: 60 });
