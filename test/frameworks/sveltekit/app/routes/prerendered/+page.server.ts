export const prerender = true;

export const load = ({ locals }) => ({
  visits: locals.session.increment("visits"),
  user: locals.session.user,
});
