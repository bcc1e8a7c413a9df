export default defineEventHandler((event) => ({ hits: event.context.session.increment("hits") }));
