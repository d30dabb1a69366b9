"""Configurations that tests begin with. FOLDER in them stands for the folder of the test."""
FILE_SINK = '''
type = "file"
path = "FOLDER/out/data.log.zst"
compression = { codec = "zstd", level = 1 }
batch = { max_bytes = "64KiB", linger = "20ms" }
fsync = "20ms"
'''
JSON_SINK = '''
type = "file"
path = "FOLDER/out/data.json"
encoding = "json"
batch = { max_bytes = "64KiB", linger = "20ms" }
fsync = "20ms"
'''
DATA = 'out/data*.log.zst*'
OBJECTS = 'out/data*.json*'


def pipeline(source, sink=FILE_SINK, channel='type = "memory"', agent=''):
    """One source, one channel, one sink: sources.in, channels.main, sinks.out."""
    return (f'[agent]\nstate_dir = "FOLDER/state"\n{agent}\n'
            f'[sources.in]\nchannels = ["main"]\n{source}\n'
            f'[channels.main]\n{channel}\n'
            f'[sinks.out]\nchannel = "main"\n{sink}\n')
