export const watched: string[] = [];
