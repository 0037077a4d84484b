const SAMPLE_MS = 250;

/**
 * The largest resident size of this process during one job, bytes. The system only knows the peak of the process's
 * whole life: if that rose during the job, it is the job's; if not, samples tell.
 */
export class MemoryWatch {
  private readonly before = lifetimePeak();
  private sampled = 0;
  private readonly timer = setInterval(() => this.now(), SAMPLE_MS).unref();

  /** Resident size now. */
  now(): number {
    const size = process.memoryUsage.rss();
    this.sampled = Math.max(this.sampled, size);
    return size;
  }

  /** Ends the watch. */
  peak(): number {
    clearInterval(this.timer);
    this.now();
    const after = lifetimePeak();
    return after > this.before ? after : this.sampled;
  }
}

function lifetimePeak(): number {
  return process.resourceUsage().maxRSS * 1024;
}
