//! The modules, one file or folder under nginx's name for each.

pub mod access;
pub mod auth_basic;
pub mod autoindex;
pub mod charset;
pub mod empty_gif;
pub mod fastcgi;
pub mod geo;
pub mod gzip;
pub mod gzip_static;
pub mod headers;
pub mod index;
pub mod limit_conn;
pub mod limit_req;
pub mod log;
pub mod map;
pub mod not_modified;
pub mod proxy;
pub mod range;
pub mod realip;
pub mod rewrite;
pub mod scgi;
pub mod split_clients;
pub mod static_files;
pub mod stub_status;
pub mod try_files;
pub mod uwsgi;
