import type { ClusterQuotas } from '../../options/choose-data.js';
import { Random } from '../../util/random.js';
import { kMeans, seeded } from '../k-means.js';
import { defineMethod } from '../method.js';
import { byQuota } from '../quotas.js';

export const clusterQuotas = defineMethod<ClusterQuotas>({
  type: 'cluster-quotas',
  logits: 'none',
  async choose(task, { clusters, quota }) {
    const vectors = await task.vectors();
    const count = Math.min(clusters, vectors.count);
    const start = seeded(vectors, count, new Random(task.seed, 'clusters'));
    const { labels } = await kMeans(vectors, start, (done, most) => task.progress(done, most, 'k-means', 'iterations'));
    const keys = Array.from({ length: count }, (_, i) => String(i));
    return byQuota(task, labels, keys, quota);
  },
});
