"""What every nginx of these tests has in its configuration, so that it runs in the folder of the test."""

COMMAND = '/usr/sbin/nginx'

FRAME = '''
daemon off;
master_process off;
pid FOLDER/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log FOLDER/access.log;
  client_body_temp_path FOLDER/nginx.body;
  proxy_temp_path FOLDER/nginx.proxy;
  fastcgi_temp_path FOLDER/nginx.fastcgi;
  uwsgi_temp_path FOLDER/nginx.uwsgi;
  scgi_temp_path FOLDER/nginx.scgi;
  HTTP
}
'''


def command(scenario, http, **values):
    """Writes a configuration with `http` in it, NAME in capitals standing for its value."""
    text = FRAME.replace('HTTP', http)
    for name, value in {'folder': scenario.folder, **values}.items():
        text = text.replace(name.upper(), str(value))
    return [COMMAND, '-e', 'stderr', '-c', scenario.write('nginx.conf', text)]
