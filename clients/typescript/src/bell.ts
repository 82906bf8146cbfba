/** Something has changed: whoever waits looks again. What rings while nobody waits is heard by the next who does. */
export function createBell() {
  let hasRung = false;
  let wake: (() => void) | undefined;
  return {
    ring(): void {
      hasRung = true;
      wake?.();
    },
    /** One at a time. */
    async heard(): Promise<void> {
      if (!hasRung) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      wake = undefined;
      hasRung = false;
    },
  };
}
