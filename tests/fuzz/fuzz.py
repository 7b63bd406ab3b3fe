# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0
"""fuzz.py MINUTES [TARGET...]: lets libFuzzer run each target, as many at a time as there are processors, and shows what
of the headers the inputs reach. `./dev fuzz` builds what it needs, in build/fuzz and build/fuzz-coverage.

What is found stays in build/fuzz/corpus, and the next run begins with it. fuzz.py --minimise puts the fewest inputs that
reach the same into tests/fuzz/corpus, and leaves those that have a name of their own."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

TARGETS = ['parse', 'make', 'utf8', 'format', 'handshake', 'advice', 'retry_after', 'relay', 'log_limiter',
           'close_counters', 'connection', 'connection_tls', 'connection_http2']
# A program that is run in an environment of its own is a target of its own. Over HTTP/2, lws leaks.
OVER_TLS = {'WSCLOSE_TEST_TRANSPORT': 'tls'}
ENVIRONMENTS = {'connection_tls': OVER_TLS,
                'connection_http2': {**OVER_TLS, 'WSCLOSE_TEST_HTTP2': '1', 'ASAN_OPTIONS': 'detect_leaks=0'}}
BINARIES = pathlib.Path('build/fuzz/tests/fuzz')
COVERED = pathlib.Path('build/fuzz-coverage/tests/fuzz')
CHECKED_IN = pathlib.Path('tests/fuzz/corpus')
FOUND = pathlib.Path('build/fuzz/corpus')
LLVM = '-' + os.environ['LLVM'] if 'LLVM' in os.environ else ''


def program(target):
    return 'connection' if target in ENVIRONMENTS else target


def environment(target):
    return {**os.environ, **ENVIRONMENTS.get(target, {})}


def corpus(target):
    folder = FOUND / target
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(target, seconds):
    """Runs a target; returns what libFuzzer counted, and what it printed if a promise was broken."""
    options = [f'-max_total_time={seconds}', '-max_len=300', '-timeout=60', '-print_final_stats=1', '-verbosity=1',
               f'-artifact_prefix=build/fuzz/{target}-']
    if program(target) == 'connection':  # a short input does little
        options.append('-len_control=0')
    done = subprocess.run([BINARIES / program(target), *options, corpus(target), CHECKED_IN / program(target)],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors='replace', check=False,
                          env=environment(target))
    numbers = dict(re.findall(r'stat::(\w+):\s+(\d+)', done.stderr))
    print(f'{target}: {int(numbers.get("number_of_executed_units", 0)):,} executions in {seconds} s', flush=True)
    return numbers, done.stderr if done.returncode else None


def report_crash(target, output):
    begin = re.search(r'^(broken:|==\d+==ERROR|.*runtime error:|\S.* which did not happen)', output, re.MULTILINE)
    print(f'\n{target} broke a promise:')
    print(output[begin.start() if begin else 0:][:6000])
    written = re.search(r'Test unit written to (\S+)', output)
    if written:
        set_first = ''.join(f'{name}={value} ' for name, value in ENVIRONMENTS.get(target, {}).items())
        print(f'Again: {set_first}{BINARIES / program(target)} {written[1]}')


def profile(target):
    raw = f'build/fuzz-coverage/{target}.profraw'
    subprocess.run([COVERED / program(target), corpus(target), CHECKED_IN / program(target)], check=True,
                   stdout=subprocess.DEVNULL, env={**environment(target), 'LLVM_PROFILE_FILE': raw})
    return raw


def reached(targets):
    """By header: by line, how often it ran; by branch, how often each way."""
    merged = 'build/fuzz-coverage/merged.profdata'
    profiles = [profile(target) for target in targets]
    subprocess.run(['llvm-profdata' + LLVM, 'merge', '-o', merged, *profiles], check=True)
    lines, branches = {}, {}
    for target in sorted({program(target) for target in targets}):
        exported = subprocess.run(
            ['llvm-cov' + LLVM, 'export', COVERED / target, f'-instr-profile={merged}'],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for file in json.loads(exported.stdout)['data'][0]['files']:
            header = file['filename'].partition('/include/')[2]
            if not header.startswith('wsclose'):
                continue
            of_lines, of_branches = lines.setdefault(header, {}), branches.setdefault(header, {})
            for line, count in lines_of(file['segments']):
                of_lines[line] = max(of_lines.get(line, 0), count)
            for line, column, _, _, yes, no, *_ in file['branches']:
                before = of_branches.get((line, column), (0, 0))
                of_branches[line, column] = (max(before[0], yes), max(before[1], no))
    return lines, branches


def lines_of(segments):
    """The lines that have code, and how often each ran."""
    for (line, _, count, counted, *_), (end, *_) in zip(segments, segments[1:]):
        if counted:
            for covered in range(line, max(end, line + 1)):
                yield covered, count


def spans(numbers):
    """1, 2, 3, 7 as "1-3, 7"."""
    result = []
    for number in sorted(numbers):
        if result and number == result[-1][1] + 1:
            result[-1][1] = number
        else:
            result.append([number, number])
    return ', '.join(f'{first}-{last}' if last > first else f'{first}' for first, last in result)


def show(lines, branches):
    print(f'\n{"header":36} {"lines":>9} {"branches":>9}   never reached')
    sums = [0, 0, 0, 0]
    untouched = [header for header, counts in lines.items() if not any(counts.values())]
    for header in sorted(set(lines) - set(untouched)):
        ran = sum(count > 0 for count in lines[header].values())
        ways = [way for both in branches[header].values() for way in both]
        taken = sum(way > 0 for way in ways)
        never = [line for line, count in lines[header].items() if not count]
        half = [f'{line}:{column} {"never true" if no else "never false"}'
                for (line, column), (yes, no) in sorted(branches[header].items()) if bool(yes) != bool(no)]
        missing = ['lines ' + spans(never)] if never else []
        print(f'{header:36} {ran:4}/{len(lines[header]):4} {taken:4}/{len(ways):4}   {"; ".join(missing + half)}')
        for i, value in enumerate((ran, len(lines[header]), taken, len(ways))):
            sums[i] += value
    print(f'{"all of these":36} {sums[0]:4}/{sums[1]:4} {sums[2]:4}/{sums[3]:4}')
    print(f'no target uses: {", ".join(sorted(untouched)) or "none"}')
    print('What only the compiler runs, such as the checks of tables, counts as never reached.')


def minimise(targets):
    for target in targets:
        if target in ENVIRONMENTS:
            continue  # its program has a corpus
        new = FOUND.parent / 'minimised' / target
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        subprocess.run([BINARIES / target, '-set_cover_merge=1', '-use_counters=0', '-max_len=300', '-timeout=60', new,
                        corpus(target), CHECKED_IN / target], check=True, stderr=subprocess.DEVNULL)
        for file in CHECKED_IN.glob(f'{target}/*'):
            if re.fullmatch('[0-9a-f]{40}', file.name):
                file.unlink()
        shutil.copytree(new, CHECKED_IN / target, dirs_exist_ok=True)


def main():
    words = sys.argv[1:]
    if words[:1] == ['--minimise']:
        return minimise(words[1:] or TARGETS)
    minutes, targets = float(words[0]), words[1:] or TARGETS
    if unknown := sorted(set(targets) - set(TARGETS)):
        sys.exit(f'fuzz.py: no target {", ".join(unknown)}; there are {", ".join(TARGETS)}')
    at_a_time = min(os.cpu_count() or 1, len(targets))
    seconds = max(1, int(minutes * 60 * at_a_time / len(targets)))
    with concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
        results = dict(zip(targets, pool.map(lambda target: run(target, seconds), targets)))
    broken = {target: output for target, (_, output) in results.items() if output is not None}
    print(f'\n{"target":16} {"executions":>12} {"per second":>11} {"inputs kept":>12}')
    for target, (numbers, _) in results.items():
        print(f'{target:16} {int(numbers.get("number_of_executed_units", 0)):12,} '
              f'{int(numbers.get("average_exec_per_sec", 0)):11,} {len(list(corpus(target).iterdir())):12,}')
    for target, output in broken.items():
        report_crash(target, output)
    if broken:
        sys.exit(f'fuzz.py: broken: {", ".join(broken)}')
    show(*reached(targets))


if __name__ == '__main__':
    main()
