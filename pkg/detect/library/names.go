// SPDX-License-Identifier: Apache-2.0

package library

// nameList is one row of the table of names that expressions may use: what it is called, its values, and what it is.
type nameList struct {
	name   string
	values []string
	about  string
}

// lists is the table of names of programs, for process.runs(…), and of paths. Nothing is excluded by names of programs alone: who writes a
// file chooses its name.
var lists = []nameList{
	{"shells", []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "csh", "tcsh", "fish", "rbash"}, "shells"},
	{"interpreters", []string{"python", "perl", "ruby", "node", "nodejs", "php", "php-cli", "lua", "luajit", "tclsh", "pwsh", "Rscript", "gawk", "awk", "mawk"}, "programs that run what they are told"},
	{"transfer_tools", []string{"curl", "wget", "scp", "sftp", "rsync", "ftp", "tftp", "lftp", "aria2c", "rclone"}, "programs that bring files over a network"},
	{"connectors", []string{"nc", "ncat", "netcat", "nc.openbsd", "nc.traditional", "socat", "telnet"}, "programs that connect what they read and write to a network"},
	{"file_tools", []string{"cat", "tac", "head", "tail", "less", "more", "cp", "dd", "tar", "base64", "xxd", "od", "strings", "grep", "awk", "gawk", "mawk", "sed", "cut", "sort", "zip", "gzip"}, "programs that show or copy files"},
	{"package_managers", []string{"apt", "apt-get", "aptitude", "dpkg", "apk", "yum", "dnf", "microdnf", "tdnf", "rpm", "zypper", "pacman", "snap", "pip", "pipx", "npm", "yarn", "pnpm", "gem", "conda"}, "package managers"},
	{"system_package_managers", []string{
		"/usr/bin/apt", "/usr/bin/apt-get", "/usr/bin/dpkg", "/sbin/apk", "/usr/bin/yum", "/usr/bin/dnf", "/usr/bin/dnf-3", "/usr/bin/dnf5", "/usr/bin/microdnf", "/usr/bin/tdnf",
		"/usr/bin/rpm", "/bin/rpm", "/usr/bin/zypper", "/usr/bin/pacman", "/usr/lib/apt/apt-get",
	}, "paths of package managers of distributions"},
	{"network_scanners", []string{"nmap", "masscan", "zmap", "tcpdump", "tshark", "dumpcap", "dsniff", "ettercap", "arpspoof", "hping3", "nikto", "sqlmap", "hydra", "medusa", "responder", "fscan", "rustscan", "ngrep"}, "programs that search networks or listen to them"},
	{"container_clients", []string{"kubectl", "docker", "crictl", "ctr", "nerdctl", "podman", "helm", "kubeadm", "oc"}, "clients of clusters and container runtimes"},
	{"miners", []string{"xmrig", "xmr-stak", "minerd", "cpuminer", "ccminer", "cgminer", "bfgminer", "ethminer", "nbminer", "t-rex", "lolMiner", "phoenixminer", "nanominer", "kdevtmpfsi", "kinsing", "xmrigDaemon", "srbminer-multi", "teamredminer", "cpuminer-multi"}, "programs that mine"},
	{"servers", []string{
		"nginx", "httpd", "apache2", "lighttpd", "caddy", "haproxy", "envoy", "traefik", "php-fpm", "uwsgi", "gunicorn", "tomcat", "jetty", "postgres", "mysqld", "mariadbd", "mongod", "redis-server", "memcached",
		"cassandra", "elasticsearch", "influxd", "couchdb", "rabbitmq-server", "beam.smp", "sendmail", "exim4", "postfix", "dovecot", "vsftpd", "proftpd", "smbd", "named", "squid", "varnishd",
	}, "programs that serve networks and run no others"},
	{"system_directories", []string{"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/"}, "where programs are"},
	{"temporary_directories", []string{"/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/dev/mqueue/"}, "where everybody may write"},
}
