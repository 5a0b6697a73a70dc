import { BLOCK_NAMES, type Block } from '../../src/graph/layer.ts';
import type { BufferRole } from '../../src/plan/buffers.ts';
import { REASON_TEXTS, RECOMPUTED, ROLE_TEXTS } from '../../src/plan/memory/role-texts.ts';

/** The texts of a memory plan, which logs have in English. */
const ROLES: Readonly<Record<BufferRole, string>> = {
  input: '图像和标签',
  featureMap: '特征图',
  gradient: '特征图的梯度',
  poolIndex: '最大汇聚的位置',
  partialSums: '权重梯度的部分和',
  packedWeights: '重排的权重',
  statistics: '统计量和系数',
  scalar: '损失、计数和范数',
  parameter: '参数',
  parameterGradient: '参数的梯度',
  runningStatistics: '移动平均统计量',
  optimizer: '优化器状态',
};

const BLOCKS: Readonly<Record<Block['kind'], string>> = {
  stem: '起始层',
  denseBlock: '稠密块',
  transition: '过渡层',
  residualStage: '残差模块',
};

const BUFFER_ROLES = Object.keys(ROLES) as BufferRole[];

/** A text that may say at its end that the backward pass recomputes it. */
function recomputed(text: string, shown: (text: string) => string): string {
  return text.endsWith(RECOMPUTED) ? `${shown(text.slice(0, -RECOMPUTED.length))}（重新计算）` : shown(text);
}

export function planRole(text: string): string {
  return recomputed(text, (own) => {
    const role = BUFFER_ROLES.find((each) => ROLE_TEXTS[each] === own);
    return role ? ROLES[role] : own;
  });
}

/** `dense block 1` → `稠密块 1`; a layer in no block has the name that the network gives it. */
export function planPart(text: string): string {
  const [, name, number] = /^(.*?)( \d+)?$/.exec(text)!;
  const kind = (Object.keys(BLOCK_NAMES) as Block['kind'][]).find((each) => BLOCK_NAMES[each] === name);
  return kind ? `${BLOCKS[kind]}${number ?? ''}` : text;
}

export function planReason(text: string): string {
  return recomputed(text, (own) => {
    // The longest: `gradient of parameter` is not the gradient of something.
    const [role] = BUFFER_ROLES.filter((each) => own.startsWith(`${REASON_TEXTS[each]} `)).sort(
      (a, b) => REASON_TEXTS[b].length - REASON_TEXTS[a].length,
    );
    return role ? `${ROLES[role]}：${planPart(own.slice(REASON_TEXTS[role].length + 1))}` : own;
  });
}
