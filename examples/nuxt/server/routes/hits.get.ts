export default defineEventHandler((event) => ({ hits: event.context.session.data.hits ?? 0 }));
