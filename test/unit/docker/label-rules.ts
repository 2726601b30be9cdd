// For tests that are not about labels: any name may be granted; images are never read, or have no labels.
import type { LabelRules } from '../../../src/docker/model/grants.ts'
import type { ImageLabels } from '../../../src/docker/sync/image-labels.ts'

export const labelRules: LabelRules = { zone: 'docker.internal', allow: [{ name: '', wildcard: true }] }

export const noImages: Pick<ImageLabels, 'labelsOf' | 'want'> = { labelsOf: () => undefined, want() {} }

/** An image without labels, so that all of a container's are the operator's. */
export const bareImage = `sha256:${'ba'.repeat(32)}`
export const bareImages: Pick<ImageLabels, 'labelsOf' | 'want'> = { labelsOf: () => ({}), want() {} }
