import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where Debian's package puts the module. */
export const NCHAN_MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so'

/** Writes the settings of an nginx whose channels can be published to over WebSocket. */
export function nchanConfig(port: number, dir: string): string {
  const path = join(dir, 'nginx.conf')
  writeFileSync(
    path,
    `load_module ${NCHAN_MODULE};
worker_processes 1;
worker_rlimit_nofile 20000;
user root;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
events { worker_connections 20000; }
http {
  access_log off;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/chat/(.+)$ {
      nchan_pubsub websocket;
      nchan_channel_id $1;
      nchan_message_buffer_length 100;
      nchan_subscriber_first_message newest;
      nchan_websocket_ping_interval 0;
    }
  }
}
`,
  )
  return path
}
