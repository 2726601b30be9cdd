// For tests that are not about labels: any name may be granted, and no image is ever read.
import type { LabelRules } from '../../../src/docker/grants.ts'
import type { Images } from '../../../src/docker/images.ts'

export const labelRules: LabelRules = { zone: 'docker.internal', allow: [{ name: '', wildcard: true }] }

export const noImages: Pick<Images, 'labelsOf' | 'want'> = { labelsOf: () => undefined, want() {} }
