# An interactive shell runs what that of an Ubuntu image runs.
case $- in
*i*)
	case " $(groups) " in *\ sudo\ *)
		cat <<-T
		To run a command as administrator (user "root"), use "sudo <command>".
		See "man sudo_root" for details.

		T
	esac
	eval "$(dircolors -b)"
	;;
esac
