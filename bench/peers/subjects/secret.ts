/** Signs cookies of the comparison; of no use elsewhere. */
export const SECRET = "a secret of the comparison, of no use elsewhere";
