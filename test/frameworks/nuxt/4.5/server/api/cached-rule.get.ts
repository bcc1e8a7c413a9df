export default defineEventHandler((event) => ({ colour: sessions.of(event).data.colour ?? null }));
