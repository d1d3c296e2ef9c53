/** A request that no honest client sends: one that the service does not have, or with something it does not know. It fails the test. */
export class Violation extends Error {}
