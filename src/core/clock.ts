/** Tells the present time; passed in, so that tests can stand at any moment. */
export type Clock = () => Date;

/** The machine's own time. */
export const systemClock: Clock = () => new Date();
