// A large program as a template: the Ruby interpreter, initialised once with its standard library.
import { expect, test } from 'vitest';
import { initRuby, ruby, rubyProgram } from '../../bench/ruby.ts';
import { Machine } from '../../src/index.ts';

test('Ruby starts from a template, evaluates, and two processes do not see what the other changes', async () => {
  await using machine = await Machine.boot({ cpus: 0 });
  using template = await machine.template(await rubyProgram(), { until: initRuby, capabilities: ['clock', 'random'] });
  const say = (script: string) => ruby(machine, template, script, true);
  expect(await say('p [1, 2, 3].sum { |x| x ** 2 }')).toBe('14\n');
  expect(await say('require "set"; require "json"; puts JSON.generate({ a: Set[1, 2].to_a })')).toBe('{"a":[1,2]}\n');
  const change = 'class String; def shout = upcase + "!"; end; $seen = ($seen || 0) + 1; puts "#{$seen} #{"a".shout}"';
  const look = 'puts "#{$seen.inspect} #{"a".respond_to?(:shout)}"';
  expect(await say(change)).toBe('1 A!\n');
  expect(await Promise.all([say(change), say(look), say(change), say(look)])).toEqual([
    '1 A!\n',
    'nil false\n',
    '1 A!\n',
    'nil false\n',
  ]);
  expect(new Set(await Promise.all(Array.from({ length: 5 }, () => say('puts Random.new_seed')))).size).toBe(5);
});
